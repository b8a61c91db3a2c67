import type { HybridConfig, HybridConfigInput } from '../config.ts';
import type { Logger } from '../domain/logger.ts';
import type { TaskDefinition } from '../domain/task.ts';

export interface ManagerOptions {
  /**
   * A config file's path, a loaded config, or settings written in the program (the environment goes before them).
   * @default config/hybrid.yaml if it exists, else the built-in defaults
   */
  readonly config?: string | HybridConfig | HybridConfigInput;
  readonly tasks: readonly TaskDefinition[];
  /** @default JSON lines on standard error, at the config's level */
  readonly log?: Logger;
  /** Who this process is in the audit log. @default 'manager:<host>' */
  readonly actor?: string;
  /** Whether an edit of the config file changes the live state while this process runs. @default true */
  readonly followConfigFile?: boolean;
  /** Refuses a namespace that no process has used yet, instead of beginning it: for operating. @default false */
  readonly mustExist?: boolean;
  /** Whether feature flags are asked in mode `flag`. Opening them may take seconds, or fail. @default true */
  readonly asksFlags?: boolean;
}
