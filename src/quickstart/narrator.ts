/** Tells the story a line a step, and remembers whether everything went as told. */
export class Narrator {
  #failures = 0;

  constructor(
    readonly verbose: boolean,
    private readonly write: (text: string) => void = (text) => void process.stdout.write(text),
  ) {}

  get asTold(): boolean {
    return this.#failures === 0;
  }

  line(text = ''): void {
    this.write(`${text}\n`);
  }

  detail(text: string): void {
    if (this.verbose) this.line(text);
  }

  /** Runs one step: `work` returns what was seen, `expected` is what the story says. */
  async step(title: string, expected: string, work: () => Promise<string>): Promise<void> {
    let seen: string;
    try {
      seen = await work();
    } catch (error) {
      seen = `failed: ${(error as Error).message}`;
    }
    const told = seen.startsWith(expected);
    if (!told) this.#failures += 1;
    this.line(`${told ? '✓' : '✗'} ${title.padEnd(48)} ${seen}${told ? '' : `   (expected: ${expected})`}`);
  }
}
