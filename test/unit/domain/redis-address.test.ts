import { describe, expect, it } from '@jest/globals';
import { InvalidConfigError } from '../../../src/domain/errors.ts';
import {
  ioredisOptions,
  REDIS_URL_ALLOWED,
  readRedisAddress,
  reconnectDelayMs,
  targetOf,
} from '../../../src/domain/redis-address.ts';
import { TlsConnector } from '../../../src/domain/tls-connector.ts';

const PLAIN = { host: 'h', port: 6379, username: undefined, password: undefined, db: 0, isTls: false };

describe('readRedisAddress', () => {
  it.each([
    ['redis://localhost', { host: 'localhost' }],
    ['redis://h:1/', { port: 1 }],
    ['redis://h:1/0', { port: 1 }],
    ['redis://h/15', { db: 15 }],
    ['redis://:p%40ss@h', { password: 'p@ss' }],
    ['redis://worker@h', { username: 'worker' }],
    ['redis://w%C3%B6:p%3A%2F%3F%23%25@h', { username: 'wö', password: 'p:/?#%' }],
    ['redis://u:p@[::1]:7000/2', { host: '::1', port: 7000, username: 'u', password: 'p', db: 2 }],
    ['rediss://h', { isTls: true }],
    // Celery's own options: certificates are verified whatever they say.
    ['rediss://h?ssl_cert_reqs=CERT_NONE', { isTls: true }],
    ['rediss://h/1?ssl_cert_reqs=required&ssl_ca_certs=/etc/ca.pem', { isTls: true, db: 1 }],
  ])('reads %s', (url, expected) => {
    const address = readRedisAddress(url);
    expect(address).toEqual({ ...PLAIN, ...expected });
    expect(Object.isFrozen(address)).toBe(true);
  });

  it.each([
    ['', 'a text that is no URL'],
    ['localhost:6379', 'a text that is no URL'],
    ['secret', 'a text that is no URL'],
    ['http://u:secret@h', '"http://***@h", whose scheme is neither redis:// nor rediss://'],
    [
      'redis-sentinel://:secret@h/mymaster',
      '"redis-sentinel://***@h/mymaster", whose scheme is neither redis:// nor rediss://',
    ],
    [
      'unix://:secret@/run/redis.sock',
      '"unix://***@/run/redis.sock", whose scheme is neither redis:// nor rediss://',
    ],
    ['REDIS://:secret@h', '"REDIS://***@h", whose scheme is neither redis:// nor rediss://'],
    ['redis://', '"redis://", which names no host'],
    ['redis:///0', '"redis:///0", which names no host'],
    ['redis://:secret@h/two', '"redis://***@h/two", whose database is not a number'],
    ['redis://:secret@h/1/2', '"redis://***@h/1/2", whose database is not a number'],
    ['redis://:secret@h/-1', '"redis://***@h/-1", whose database is not a number'],
    ['redis://:secret@h?db=1', '"redis://***@h?***", whose query has more than the options ssl_...'],
    ['redis://:secret@h?family=6', '"redis://***@h?***", whose query has more than the options ssl_...'],
    ['rediss://h?ssl_a=1&password=secret', '"rediss://h?***", whose query has more than the options ssl_...'],
    ['rediss://h?ssl_a=1?secret', '"rediss://h?***", whose query has more than the options ssl_...'],
    ['redis://:100%secret@h', '"redis://***@h", whose user or password has a stray %'],
    ['redis://:secret@h:0', '"redis://***@h:0", whose port is 0'],
    ['redis://:secret@h:70000', '"redis://***@h:70000", which cannot be read'],
    ['redis://:sec/secret@h', '"redis://***@h", which cannot be read'],
    ['redis://:secret#@h', '"redis://***@h", which cannot be read'],
    ['redis://:se cret@h', '"redis://***@h", which cannot be read'],
    ['redis://user:secret', '"redis://user:***", which cannot be read'],
  ])('refuses %j and shows no password', (url, given) => {
    const refused = () => readRedisAddress(url);
    const problem = { path: 'redisUrl', given, allowed: REDIS_URL_ALLOWED };
    expect(refused).toThrow(new InvalidConfigError('The Redis URL', [problem]));
    expect(refused).not.toThrow(/secret|se cret/);
  });

  it('shows no more than the beginning of a very long text', () => {
    expect(() => readRedisAddress(`redis://${'h'.repeat(10_000)}/x`)).toThrow(/^.{0,40}\n.{0,400}$/);
  });
});

describe('an address', () => {
  it.each([
    ['redis://u:p@h/1', 'h:6379'],
    ['rediss://u:p@[::1]:1', '[::1]:1'],
  ])('is named without user and password: %s', (url, target) => {
    expect(targetOf(readRedisAddress(url))).toBe(target);
  });

  it('has for ioredis only what it says', () => {
    expect(ioredisOptions(readRedisAddress('redis://h'))).toEqual({ host: 'h', port: 6379, db: 0 });
    expect(ioredisOptions(readRedisAddress('rediss://u:p@[::1]:7000/15'))).toEqual({
      host: '::1',
      port: 7000,
      username: 'u',
      password: 'p',
      db: 15,
      tls: {},
      Connector: TlsConnector,
    });
  });
});

it('reconnects quickly at first and never waits longer than two seconds', () => {
  expect([1, 2, 5, 6, 1000].map(reconnectDelayMs)).toEqual([100, 200, 1600, 2000, 2000]);
});
