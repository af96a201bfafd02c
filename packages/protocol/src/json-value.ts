/** A value strict JSON can hold: every number is a safe integer, every string is well-formed Unicode. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
/** An object of strict JSON. */
export type JsonObject = { [key: string]: JsonValue };

/** Whether `value` is a JSON object: not null, not an array. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
