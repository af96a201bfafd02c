import * as fc from 'fast-check';
import { InertJson, inertJson, isJson } from './inert-json.js';

const whole = (pieces: Uint8Array[]) => Buffer.concat(pieces);
const braces = fc.string({ unit: fc.constantFrom('{', '}', 'CREDENTIAL', 'é', '\\', '"', ' ') });

test('the same JSON without two braces in a row, in one piece or in many', () => {
  fc.assert(
    fc.property(braces, fc.array(fc.nat(64)), (text, cuts) => {
      const json = JSON.stringify({ a: { b: text } });
      expect(inertJson(json)).not.toContain('{{');
      expect(JSON.parse(inertJson(json))).toEqual({ a: { b: text } });
      const bytes = Buffer.from(json);
      const stream = new InertJson();
      const pieces: Uint8Array[] = [];
      let from = 0;
      for (const cut of cuts) {
        pieces.push(...stream.push(bytes.subarray(from, from + cut)));
        from = Math.min(bytes.length, from + cut);
      }
      pieces.push(...stream.push(bytes.subarray(from)), ...stream.end());
      expect(whole(pieces).toString()).toBe(inertJson(json));
    }),
  );
});

test.each(['application/json', 'application/json; charset=utf-8', 'application/problem+json', 'application/x-ndjson'])(
  '%s is JSON',
  (type) => expect(isJson(type)).toBe(true),
);
test.each([null, 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=json'])(
  '%s is not',
  (type) => expect(isJson(type)).toBe(false),
);
