window.onload = function () {
  // url: "https://petstore.example.com/v2/swagger.json" is the bundle's default and is not used here
  window.ui = SwaggerUIBundle({
    configUrl: "/swagger/config.json",
    dom_id: "#swagger-ui",
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    layout: "StandaloneLayout"
  });
};
