/** Runs work two at a time, and repeats what fails. */
import pLimit from "npm:p-limit@7.3.3";
import pRetry, { AbortError } from "npm:p-retry@7.1.1";

export default async function main() {
  const limit = pLimit(2);
  let running = 0;
  let most = 0;
  const work = async (value: number) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 2));
    running--;
    return value * 2;
  };
  const doubled = await Promise.all([1, 2, 3, 4].map((value) => limit(() => work(value))));
  const attempts = await pRetry((attempt) => {
    if (attempt < 3) throw new Error("not yet");
    return attempt;
  }, { retries: 3, minTimeout: 1 });
  const given = await pRetry(() => {
    throw new AbortError("never");
  }).catch((error) => error.message);
  return { doubled, most, attempts, given };
}
