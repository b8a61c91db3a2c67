import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Any flag in LaunchDarkly's format. */
export interface ServedFlag {
  readonly key: string;
  readonly version: number;
  readonly [field: string]: unknown;
}

/** As much of LaunchDarkly's service as its server SDK talks to: the flag stream and the event intake. */
export interface LaunchDarklyServer {
  readonly uri: string;
  /** Every flag that the stream hands to whoever connects. */
  readonly flags: Map<string, ServedFlag>;
  /** Requests so far, like `GET /all` and `POST /bulk`. */
  readonly requests: string[];
  /** The Authorization headers of the stream's readers. */
  readonly keys: string[];
  /** Events that the SDK delivered. */
  readonly events: { readonly kind: string; readonly [field: string]: unknown }[];
  /** Changes one flag for everybody who is connected and for those who come later. */
  patch(flag: ServedFlag): void;
  /** Takes a flag away. */
  remove(key: string, version: number): void;
  /** Drops every connection and listens no more. */
  stop(): Promise<void>;
}

export interface LaunchDarklyServerOptions {
  readonly flags?: readonly ServedFlag[];
  /** `silent`: takes the stream's request and never answers. A number: answers with that status. @default 'stream' */
  readonly behaviour?: 'stream' | 'silent' | number;
  /** @default a free port */
  readonly port?: number;
}

export async function startLaunchDarklyServer(
  options: LaunchDarklyServerOptions = {},
): Promise<LaunchDarklyServer> {
  const { behaviour = 'stream' } = options;
  const flags = new Map(options.flags?.map((flag) => [flag.key, flag]));
  const readers = new Set<ServerResponse>();
  const requests: string[] = [];
  const keys: string[] = [];
  const events: LaunchDarklyServer['events'] = [];

  const openStream = (request: IncomingMessage, response: ServerResponse): void => {
    keys.push(request.headers.authorization ?? '');
    if (behaviour === 'silent') return;
    if (typeof behaviour === 'number') {
      response.writeHead(behaviour).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    readers.add(response);
    response.on('close', () => readers.delete(response));
    send(response, 'put', { path: '/', data: { flags: Object.fromEntries(flags), segments: {} } });
  };

  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    requests.push(`${request.method} ${path}`);
    if (path === '/all') {
      openStream(request, response);
      return;
    }
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      // The SDK repeats a diagnostic event, which is no array, on the path of the others (launchdarkly/js-core, EventSender).
      const sent: unknown = JSON.parse(body);
      if (path === '/bulk' && Array.isArray(sent)) events.push(...sent);
      response.writeHead(202).end();
    });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');

  return {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    flags,
    requests,
    keys,
    events,
    patch(flag) {
      flags.set(flag.key, flag);
      for (const reader of readers) send(reader, 'patch', { path: `/flags/${flag.key}`, data: flag });
    },
    remove(key, version) {
      flags.delete(key);
      for (const reader of readers) send(reader, 'delete', { path: `/flags/${key}`, version });
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function send(reader: ServerResponse, event: string, data: unknown): void {
  reader.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
