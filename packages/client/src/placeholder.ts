/** Stands in a request where the credential goes; also as the API key an SDK asks for. */
export const PLACEHOLDER = '{{CREDENTIAL}}';
/** Where it goes when the request names no place. */
export const BEARER_TEMPLATE = `Bearer ${PLACEHOLDER}`;
