/** Everything from this origin, no inline script, nobody else's server. Swagger UI draws icons as data: images. */
export const REFERENCE_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const REFERENCE_HTML = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>Chancery API</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/reference/swagger-ui.css" />
  </head>
  <body>
    <div id="reference">The reference needs JavaScript; the document itself is at <a href="/openapi.json">/openapi.json</a>.</div>
    <script src="/reference/swagger-ui-bundle.js"></script>
    <script src="/reference/start.js"></script>
  </body>
</html>
`;

/** `validatorUrl: null`: the default asks a server of others to judge the document. */
export const REFERENCE_START = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#reference',
  validatorUrl: null,
  persistAuthorization: false,
  displayRequestDuration: true,
});
`;
