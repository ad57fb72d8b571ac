window.onload = function () {
  window.ui = SwaggerUIBundle({ configUrl: "/swagger/swagger-config.json", dom_id: "#swagger-ui", layout: "StandaloneLayout" });
};
