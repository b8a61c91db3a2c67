import { connect, type TLSSocket } from 'node:tls';

interface TlsTarget {
  readonly host: string;
  readonly port: number;
  /** How long the other side may take to agree that the connection ends, in milliseconds. */
  readonly disconnectTimeout: number;
}

/**
 * Opens ioredis's encrypted connections. Its own connector listens for one error per socket, but Node reports two when a
 * connection is given up during the handshake (what is wrong with the certificate, then the server's alert), and an
 * error that nobody listens for ends the process.
 */
export class TlsConnector {
  /** ioredis reads it for a socket that failed before it was handed over. */
  firstError: Error | undefined;
  #target: TlsTarget;
  #socket: TLSSocket | undefined;
  #isWanted = false;

  constructor(target: TlsTarget) {
    this.#target = target;
  }

  /** Any server will do; only Sentinel's connector asks for more. */
  check(): boolean {
    return true;
  }

  async connect(): Promise<TLSSocket> {
    this.#isWanted = true;
    await Promise.resolve();
    if (!this.#isWanted) throw new Error('Connection is closed.');
    const { host, port } = this.#target;
    const socket = connect({ host, port });
    this.firstError = undefined;
    socket.on('error', (error) => {
      this.firstError ??= error;
    });
    this.#socket = socket;
    return socket;
  }

  disconnect(): void {
    this.#isWanted = false;
    const socket = this.#socket;
    if (socket === undefined) return;
    const timer = setTimeout(() => socket.destroy(), this.#target.disconnectTimeout);
    socket.once('close', () => clearTimeout(timer));
    socket.end();
  }
}
