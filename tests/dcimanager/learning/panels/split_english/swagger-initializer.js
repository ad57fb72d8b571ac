window.onload = function () {
  // url: "https://petstore.swagger.io/v2/swagger.json",
  window.ui = SwaggerUIBundle({
    urls: [
      { url: "/api/dci/v3/doc/openapi.json", name: "DCI back" },
      { url: "/api/auth/v4/doc/openapi.json", name: "Auth" },
      { "name": 'IPmanager', "url": './ip.json' },
      { url: "https://elsewhere.example.com/doc.json", name: "Somebody else's" },
    ],
    dom_id: "#swagger-ui",
    layout: "StandaloneLayout",
  });
};
