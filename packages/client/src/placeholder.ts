/** Stands in a request where the credential goes; also as the API key an SDK asks for. */
export const PLACEHOLDER = '{{CREDENTIAL}}';
/** Where it goes when the request names no place. */
export const BEARER_TEMPLATE = `Bearer ${PLACEHOLDER}`;

/** Whether a text says where the credential, or a field of it (`{{CREDENTIAL.username}}`), goes. */
export const hasPlaceholder = (text: string): boolean => /\{\{CREDENTIAL(?:\.[a-z][a-z0-9_]{0,31})?\}\}/.test(text);
