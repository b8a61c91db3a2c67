import type { Interception, TcpProxy } from './tcp-proxy.ts';

/**
 * Holds up a submission of a demo that goes through the proxy, once it has so many answers: until pass() it is in the
 * middle of its run, however long the test takes to act on that; up to redis.commandTimeoutMs, if it is to go on well.
 */
export function holdInTheMiddle(proxy: TcpProxy, answers: number): Interception {
  let seen = 0;
  return proxy.intercept('request', (request) => {
    const text = request.toString();
    seen += text.split('"status":"succeeded"').length - 1;
    return seen >= answers && text.includes('chunkText');
  });
}
