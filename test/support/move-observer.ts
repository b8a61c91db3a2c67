import { plainClient } from './redis.ts';

export interface MoveObserver {
  close(): void;
}

/**
 * Sees from outside which tasks are given to stable, whoever does it (an operator, a janitor, a worker, a producer): Redis
 * says of every command what it is, those of scripts included.
 */
export async function observeMoves(
  url: string,
  namespace: string,
  onMove: (id: string, movedAt: number) => void,
): Promise<MoveObserver> {
  const key = `{${namespace}}:open:moved`;
  const monitor = await plainClient(url).monitor();
  monitor.on('error', () => {}); // a trial may stop the server; the monitor comes back with it
  monitor.on('monitor', (time: string, [command, where, , id]: readonly string[]) => {
    if (command?.toUpperCase() !== 'ZADD' || where !== key || id === undefined) return;
    onMove(id, Math.floor(Number(time) * 1000));
  });
  return { close: () => monitor.disconnect() };
}
