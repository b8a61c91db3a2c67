/** jStat ships no types. Only what is used here. */
declare module 'jstat' {
  const jstat: {
    readonly beta: {
      /** Share of the distribution below x. */
      cdf(x: number, alpha: number, beta: number): number;
      inv(probability: number, alpha: number, beta: number): number;
    };
    readonly chisquare: { cdf(x: number, degreesOfFreedom: number): number };
    readonly normal: { inv(probability: number, mean: number, deviation: number): number };
  };
  export default jstat;
}
