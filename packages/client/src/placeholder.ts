/** Stands in a template where the credential goes. */
export const PLACEHOLDER = '{{CREDENTIAL}}';
/** Where it goes when the request names no place. */
export const BEARER_TEMPLATE = `Bearer ${PLACEHOLDER}`;
