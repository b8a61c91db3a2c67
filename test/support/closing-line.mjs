/** Jest reporter: a run's last line is `N passed, N failed`, for people and for .ci/run. */
export default class ClosingLine {
  onRunComplete(_contexts, results) {
    // Jest's own summary, and its verdict on the run, come after this call.
    setImmediate(() => {
      // A file that could not be loaded, or whose afterAll failed, has no failed test to show for it.
      const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
      const unexplained = results.success || failed > 0 ? 0 : 1;
      process.stdout.write(`${results.numPassedTests} passed, ${failed + unexplained} failed\n`);
    });
  }
}
