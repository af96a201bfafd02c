/** `/v1/credentials/{name}/proxy/{scheme}/{host}/{path}?{query}`: everything behind `proxy/`, as it was sent. */
const ROUTE = /^\/v1\/credentials\/[^/?]*\/proxy\/([^/?]*)\/(.*)$/s;
const ESCAPED_PLACEHOLDER = /%7B%7B(CREDENTIAL(?:\.[A-Za-z0-9_.-]*)?)%7D%7D/gi;

/**
 * The upstream's URL as the caller wrote it into the route, for the one parser that reads URLs. Braces are no URL characters,
 * so a placeholder arrives escaped; nothing else is undone.
 */
export function upstreamUrl(rawTarget: string): string {
  const [, scheme = '', rest = ''] = ROUTE.exec(rawTarget) ?? [];
  return `${scheme}://${rest}`.replace(ESCAPED_PLACEHOLDER, (_all, name: string) => `{{${name}}}`);
}
