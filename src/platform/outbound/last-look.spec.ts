import { eventually } from '../../../test/support/eventually.js';
import { HostileUpstreams, type Upstream } from '../../../test/support/hostile-upstream.js';
import { failure, options, OutboundDoors, request } from '../../../test/support/outbound-doors.js';
import { InFlightCalls } from './in-flight.js';

let upstreams: HostileUpstreams;
let doors: OutboundDoors;
let upstream: Upstream;
let asked: string[];
beforeAll(async () => {
  upstreams = await HostileUpstreams.create();
  doors = new OutboundDoors(upstreams.authority.certificate);
});
beforeEach(async () => {
  asked = [];
  upstream = await upstreams.https((incoming, answer) => {
    asked.push(String(incoming.url));
    answer.end('done');
  });
});
afterEach(async () => {
  await doors.closeAll();
  await upstreams.closeAll();
});

const refusing = (): never => {
  throw new Error('no longer');
};

test('P4: a last look that throws comes before the first byte', async () => {
  await failure(doors.to(upstream).send(request(), options({ lastLook: refusing })));
  expect(asked).toEqual([]);
});

test('P4: it comes when the handshake is done, and not before', async () => {
  const silent = await upstreams.tcp(() => undefined);
  const lastLook = jest.fn();
  await failure(doors.to(silent).send(request(), options({ lastLook, timeoutMs: 300 })));
  await eventually(silent.connections, (count) => count === 1);
  expect(lastLook).not.toHaveBeenCalled();
  await doors.to(upstream).send(request(), options({ lastLook }));
  expect(lastLook).toHaveBeenCalledTimes(1);
});

test('P4: it is asked on a connection that was there already, and leaves the door usable', async () => {
  const door = doors.to(upstream);
  await door.send(request({ path: '/1' }), options({ lastLook: () => undefined }));
  await failure(door.send(request({ path: '/2' }), options({ lastLook: refusing })));
  await door.send(request({ path: '/3' }), options());
  expect(asked).toEqual(['/1', '/3']);
});

test('P4: a call that must not go on is aborted by its own look, and so is every other', async () => {
  const calls = new InFlightCalls();
  let isOn = false;
  calls.stopWhen(() => (isOn ? 'brake' : null));
  const labels = { tenantId: 't', agentId: 'a', sessionId: 's', credentialId: 'c' };
  const [call, other] = [calls.open(labels), calls.open(labels)];
  const lastLook = (): void => {
    isOn = true;
    call.check();
  };
  const fault = await failure(doors.to(upstream).send(request(), options({ signal: call.signal, lastLook })));
  expect(fault.code).toBe('aborted');
  expect(other.signal.reason).toMatchObject({ reason: 'brake' });
  expect(asked).toEqual([]);
});
