import type { Metrics } from '../telemetry/metrics.js';
import type { Admission } from './admission.js';
import type { Refusals } from './refusals.js';
import type { RequestTimes } from './request-times.js';

/** How what the HTTP room counts is called. */
export function meterHttp(
  metrics: Metrics,
  { times, refusals, admission }: { times: RequestTimes; refusals: Refusals; admission: Admission },
): void {
  metrics.histogram(
    'chancery_http_request_duration_seconds',
    'Requests answered, from their headers to the end of their answers.',
    () => times.read(),
  );
  metrics.counter(
    'chancery_http_requests_shed_total',
    'Requests refused because there was more to do than the process can.',
    () => admission.shed,
  );
  metrics.counter(
    'chancery_unauthenticated_requests_total',
    'Requests that signed nobody in, or came past the rate of an address.',
    () => [...refusals.unauthenticated].map(([code, count]) => [{ code }, count] as const),
  );
  metrics.counter('chancery_suppressed_requests_total', 'Requests of principals past their rate.', () =>
    [...refusals.suppressed].map(([kind, count]) => [{ kind }, count] as const),
  );
}
