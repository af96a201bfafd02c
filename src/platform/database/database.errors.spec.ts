import { isConnectionFailure, isOutOfService, orUnavailable, OutcomeUnknownError } from './database.errors.js';

const withCode = (code: string) => Object.assign(new Error('no'), { code });

test.each(['EPIPE', 'ECONNRESET', 'ECONNREFUSED', '08006', '57P01', '57P03', '53300'])(
  '%s is a connection that failed, also behind a wrapper',
  (code) => {
    expect(isConnectionFailure(withCode(code))).toBe(true);
    expect(isConnectionFailure(new Error('wrapped', { cause: withCode(code) }))).toBe(true);
  },
);

test.each(['53100', '53200', '58030', '57014'])('%s is a server that cannot, over a connection that lives', (code) => {
  expect([isConnectionFailure(withCode(code)), isOutOfService(withCode(code))]).toEqual([false, true]);
});

test.each(['23505', '40P01', '42501', '42P01', 'P0001'])('%s is an error of the statement', (code) => {
  expect([isConnectionFailure(withCode(code)), isOutOfService(withCode(code))]).toEqual([false, false]);
});

test('a single statement on a server that is gone is answered 503, any other failure as it is', async () => {
  await expect(orUnavailable(Promise.reject(withCode('57P01')))).rejects.toBeInstanceOf(OutcomeUnknownError);
  await expect(orUnavailable(Promise.reject(withCode('23505')))).rejects.toMatchObject({ code: '23505' });
});
