window.onload = function() {
  //<editor-fold desc="Changeable Configuration Block">
  // url: "https://petstore.swagger.io/v2/swagger.json",
  window.ui = SwaggerUIBundle({
    urls: [
      {url: "/api/core/v2/swagger.yaml", name: "Серверы"},
      {url: "../api/auth/v1/swagger.yaml", name: 'Учётные записи и сессии'},
      {name: "Сеть и адреса", url: "/api/net/v2/swagger.yaml"},
      {"name": "Оборудование", "url": "/api/hw/v2/swagger.yaml"},
      {url: "/api/v1/swagger.yaml", name: "Старый API (v1)"},
      {url: "/api/rdns/v1/swagger.yaml", name: "Обратная зона"},
    ],
    "urls.primaryName": "Серверы",
    dom_id: '#swagger-ui',
    deepLinking: true,
    presets: [
      SwaggerUIBundle.presets.apis,
      SwaggerUIStandalonePreset
    ],
    layout: "StandaloneLayout"
  });
  //</editor-fold>
};
