import { ownConcat } from '../platform/crypto/own-memory.js';
import { Secret } from '../platform/crypto/secret.js';
import { BASIC, type FieldShape, fieldsOf, PASSWORD, type Slot, USERNAME, WHOLE } from './credential-fields.js';

/** A credential in the clear, for one call. Whoever got it zeroes it. */
export class OpenedCredential {
  readonly #slots: ReadonlyMap<Slot, Secret>;
  readonly #secrets: readonly Secret[];

  private constructor(slots: ReadonlyMap<Slot, Secret>, secrets: readonly Secret[]) {
    this.#slots = slots;
    this.#secrets = secrets;
  }

  /** Takes `plaintext` over: it is zeroed here, or later with what was made of it. */
  static from(plaintext: Secret, shape: FieldShape | null): OpenedCredential {
    if (shape === null) return new OpenedCredential(new Map([[WHOLE, plaintext]]), [plaintext]);
    try {
      return OpenedCredential.#ofFields(fieldsOf(plaintext, shape), shape);
    } finally {
      plaintext.zero();
    }
  }

  /**
   * User name and password are looked for joined as well, and as the base64 that `Basic` carries: so that not even the edges
   * of an echoed header are left.
   */
  static #ofFields(fields: ReadonlyMap<string, Secret>, shape: FieldShape): OpenedCredential {
    const slots = new Map<Slot, Secret>(fields);
    const secrets = [...fields].filter(([name]) => shape[name] === 'secret').map(([, secret]) => secret);
    const username = fields.get(USERNAME);
    if (username !== undefined) {
      const password = fields.get(PASSWORD);
      const joined = new Secret(ownConcat([username.bytes, Buffer.from(':'), password?.bytes ?? Buffer.alloc(0)]));
      const basic = Secret.fromUtf8(joined.bytes.toString('base64'));
      slots.set(BASIC, basic);
      if (shape[USERNAME] === 'secret' || shape[PASSWORD] === 'secret') secrets.push(joined, basic);
      else joined.zero();
    }
    return new OpenedCredential(slots, secrets);
  }

  /** The live bytes that stand for a placeholder. */
  bytesFor(slot: Slot): Buffer {
    const secret = this.#slots.get(slot);
    if (secret === undefined) throw new Error('a decision lets a template through only with slots the credential has');
    return secret.bytes;
  }

  /** Whatever must not be seen in an answer. */
  get secrets(): readonly Secret[] {
    return this.#secrets;
  }

  zero(): void {
    for (const secret of [...this.#slots.values(), ...this.#secrets]) secret.zero();
  }
}
