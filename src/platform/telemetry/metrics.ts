import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import { Buckets } from './buckets.js';

const PREFIX = 'chancery_';

/** Closed lists only: no tenant, agent, name, host or path with values in it ever is a label. */
export type Labels = Readonly<Record<string, string>>;
export type Samples<T> = T | Iterable<readonly [Labels, T]>;

interface Value {
  readonly labels: Labels;
  readonly value: number;
  readonly metricName?: string;
}

/**
 * What the operator's monitoring reads (Prometheus text format 0.0.4). Rooms keep plain numbers, and say here how these
 * are called and read; so counting costs a call next to nothing, and nobody pays who is not asked. One for each
 * application: two in one process have nothing in common.
 */
export class Metrics {
  readonly #registry = new Registry();
  #hasDefaults = false;

  readonly contentType = this.#registry.contentType;

  counter(name: string, help: string, read: () => Samples<number>): void {
    this.#add(name, help, 'counter', async () => valuesOf(read()));
  }

  /** A reader that fails or waits for too long leaves its metric out, and no other. */
  gauge(name: string, help: string, read: () => Samples<number> | Promise<Samples<number>>): void {
    this.#add(name, help, 'gauge', async () => valuesOf(await read()));
  }

  histogram(name: string, help: string, read: () => Samples<Buckets>): void {
    this.#add(name, help, 'histogram', async () => {
      const samples = read();
      const all = samples instanceof Buckets ? [[{}, samples] as const] : [...samples];
      return all.flatMap(([labels, buckets]) => histogramValues(name, labels, buckets));
    });
  }

  async text(): Promise<string> {
    // Those of the process cost something from when they are first asked for.
    if (!this.#hasDefaults) collectDefaultMetrics({ register: this.#registry, prefix: PREFIX });
    this.#hasDefaults = true;
    return this.#registry.metrics();
  }

  #add(name: string, help: string, type: string, read: () => Promise<readonly Value[]>): void {
    if (!name.startsWith(PREFIX)) throw new Error(`${name} does not begin with ${PREFIX}`);
    const get = async () => ({ name, help, type, values: await read().catch(() => []), aggregator: 'sum' });
    // What the registry asks of a metric; the classes of prom-client would keep the numbers a second time.
    this.#registry.registerMetric({ name, get } as unknown as Metric);
  }
}

function valuesOf(samples: Samples<number>): readonly Value[] {
  if (typeof samples === 'number') return [{ labels: {}, value: samples }];
  return [...samples].map(([labels, value]) => ({ labels, value }));
}

function histogramValues(name: string, labels: Labels, buckets: Buckets): Value[] {
  const { count, sum } = buckets;
  const bounds = [...buckets.upTo().map(([bound, upTo]) => [String(bound), upTo] as const), ['+Inf', count] as const];
  return [
    ...bounds.map(([le, value]) => ({ metricName: `${name}_bucket`, labels: { ...labels, le }, value })),
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
