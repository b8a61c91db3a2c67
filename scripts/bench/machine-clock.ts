/**
 * Microseconds since some moment that is the same for all processes of this machine: the system's monotonic clock,
 * which unlike the time of day is never set.
 */
export function machineMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
