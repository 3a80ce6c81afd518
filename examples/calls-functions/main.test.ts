import { test } from "@c1/test";
import { type Functions, greetAll } from "./greet.ts";

/** Answers the calls last to first, once there are `count` of them. */
function backwards(count: number): Functions {
  const waiting: (() => void)[] = [];
  return {
    find: (displayName) => Promise.resolve(`id of ${displayName}`),
    call: (functionId, { name = null }) =>
      new Promise((resolve) => {
        waiting.push(() => resolve({ message: `${name} by ${functionId}` }));
        if (waiting.length === count) waiting.reverse().forEach((answer) => answer());
      }),
  };
}

export default function registerTests() {
  test("calls at the same time, and keeps the order", async ({ equal }) => {
    const greetings = await greetAll(["Ada", "Grace"], backwards(2));
    equal(greetings.join(), "Ada by id of hello,Grace by id of hello");
  });

  test("one call that fails is the failure of all", async ({ equal }) => {
    const call = () => Promise.reject(new Error("hello failed"));
    const failed = await greetAll(["Ada"], { ...backwards(1), call }).catch(String);
    equal(String(failed), "Error: hello failed");
  });
}
