/**
 * The colours of one scheme. Stable is grey and canary blue, which everybody can tell apart; they also differ in shape,
 * and verdicts in mark and word, so nothing rests on colour alone.
 */
export interface Palette {
  readonly page: string;
  readonly surface: string;
  readonly line: string;
  readonly text: string;
  readonly muted: string;
  readonly stable: string;
  readonly canary: string;
  readonly successful: string;
  readonly failed: string;
  readonly inconclusive: string;
  /** At an edge behind which a table goes on. */
  readonly shadow: string;
}

export const LIGHT: Palette = {
  page: '#ffffff',
  surface: '#f6f7f9',
  line: '#dfe3e8',
  text: '#16191d',
  muted: '#57606c',
  stable: '#69717d',
  canary: '#1b5fd0',
  successful: '#0b7547',
  failed: '#b92b1f',
  inconclusive: '#855600',
  shadow: '#16191d47',
};

export const DARK: Palette = {
  page: '#0f1215',
  surface: '#171b20',
  line: '#2c323a',
  text: '#e7eaee',
  muted: '#9ba5b1',
  stable: '#a3acb8',
  canary: '#70a9ff',
  successful: '#54c892',
  failed: '#ff8a7f',
  inconclusive: '#dcae55',
  // Black would not be seen on this page.
  shadow: '#e7eaee4d',
};

/** As custom properties of CSS: `--page:#fff;…`. */
export function properties(palette: Palette): string {
  return Object.entries(palette)
    .map(([name, color]) => `--${name}:${color};`)
    .join('');
}
