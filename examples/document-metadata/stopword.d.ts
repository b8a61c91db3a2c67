/** The package ships no types; only what is used here is declared. */
declare module 'stopword' {
  export const eng: readonly string[];
  export const zho: readonly string[];
}
