import { describe, expect, it } from '@jest/globals';
import { InvalidConfigError } from '../../../src/domain/errors.ts';
import { redisOptionsFrom, targetOf } from '../../../src/state/redis-url.ts';

describe('redisOptionsFrom', () => {
  it.each([
    ['redis://localhost', { host: 'localhost', port: 6379 }],
    ['redis://', { host: '127.0.0.1', port: 6379 }],
    ['redis://h:1/', { host: 'h', port: 1 }],
    ['redis://h:1/0', { host: 'h', port: 1, db: 0 }],
    ['redis://h/2?family=6', { host: 'h', port: 6379, db: 2, family: 6 }],
    ['redis://h?db=4', { host: 'h', port: 6379, db: 4 }],
    ['redis://:p%40ss@h', { host: 'h', port: 6379, password: 'p@ss' }],
    ['redis://u:p@[::1]:7000/15', { host: '::1', port: 7000, username: 'u', password: 'p', db: 15 }],
    ['rediss://h', { host: 'h', port: 6379, tls: {} }],
    ['rediss://h?ssl_cert_reqs=CERT_NONE', { host: 'h', port: 6379, tls: { rejectUnauthorized: false } }],
    ['rediss://h?ssl_cert_reqs=required', { host: 'h', port: 6379, tls: {} }],
    ['unix:///run/redis/redis%20a.sock', { path: '/run/redis/redis a.sock' }],
    ['unix://u:p@/run/r.sock?db=3', { path: '/run/r.sock', username: 'u', password: 'p', db: 3 }],
    ['redis+socket:///run/r.sock?virtual_host=1', { path: '/run/r.sock', db: 1 }],
  ])('reads %s', (url, expected) => {
    expect(redisOptionsFrom(url)).toEqual(expected);
  });

  it.each([
    '',
    'localhost:6379',
    'secret',
    'http://u:secret@h',
    'redis-sentinel://:secret@h/mymaster',
    'redis://:secret@h/two',
    'redis://:secret@h/1/2',
    'redis://:secret@h/-1',
    'redis://:secret@h?decode_responses=1',
    'redis://:secret@h?family=5',
    'redis://:se%cret@h',
    'redis://:secret@h:70000',
    'redis://:sec/ret@h',
    'unix://host/run/r.sock',
    'unix://',
  ])('refuses %j without showing a password', (url) => {
    const refused = () => redisOptionsFrom(url);
    expect(refused).toThrow(InvalidConfigError);
    expect(refused).toThrow(/allowed: /);
    expect(refused).not.toThrow(/secret|se%cret|sec\/ret/);
  });

  it('names a target without user and password', () => {
    expect(targetOf('redis://u:p@h/1')).toBe('h:6379');
    expect(targetOf('redis://u:p@[::1]:1')).toBe('[::1]:1');
    expect(targetOf('unix://u:p@/run/r.sock')).toBe('/run/r.sock');
  });
});
