import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { type HybridConfig, loadConfig } from '../../src/index.ts';
import type { DemoFolder } from './demo-folder.ts';
import { demoConfigFile } from './demo-follow-up.ts';
import type { Injection } from './injection.ts';

/**
 * The settings of a run that goes wrong on purpose: a namespace and queues of its own, so that no other run takes its tasks
 * or counts its failures. They are kept in the output folder, where `hybrid` finds them afterwards.
 *
 * @param settings those of a run without
 * @throws {InvalidConfigError | OutputFolderError}
 */
export async function settingsWith(
  injection: Injection,
  settings: HybridConfig,
  folder: DemoFolder,
): Promise<HybridConfig> {
  const namespace = `${settings.namespace}-inject-${injection}`;
  const yaml = parseDocument(await readFile(demoConfigFile(), 'utf8'));
  yaml.commentBefore = ` Made by the demo for --inject ${injection}: config/demo.yaml with another namespace and other queues.`;
  yaml.set('namespace', namespace);
  yaml.setIn(['stable', 'prefix'], `${namespace}-bq`);
  yaml.setIn(['canary', 'prefix'], `${namespace}-bull`);
  const file = await folder.writeConfig(String(yaml));
  // HYBRID_NAMESPACE would go before the file.
  return { ...(await loadConfig({ file })), namespace };
}
