import { test, type TestContext } from "@c1/test";
import { post, type World } from "./post.ts";

/** A service that gives these answers one after the other, and what was done with it. */
function service(...answers: (Response | Error)[]): World & { bodies: string[]; pauses: number[] } {
  const [bodies, pauses]: [string[], number[]] = [[], []];
  return {
    bodies,
    pauses,
    fetch: (_url, { body }) => {
      bodies.push(String(body));
      const answer = answers.shift() ?? new Error("it was called once too often");
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    pause: (milliseconds) => {
      pauses.push(milliseconds);
      return Promise.resolve();
    },
  };
}

const ok = () => new Response("ok");
const busy = (after: string) =>
  new Response("", { status: 429, headers: { "retry-after": after } });
const broken = () => new Response("oh no", { status: 503 });

export default function registerTests({ handler }: TestContext) {
  test("posts once where that suffices", async ({ equal }) => {
    const world = service(ok());
    equal(await post("https://chat.example/hook", "hello", world), 1);
    equal(world.bodies.join(), '{"text":"hello"}');
  });

  test("tries again when the service is busy, broken or unreachable", async ({ equal }) => {
    const world = service(busy("2"), broken(), new TypeError("no route"), ok());
    equal(await post("https://chat.example/hook", "hello", world), 4);
    equal(world.pauses.join(), "2000,500,1000");
  });

  test("gives up after the last attempt, and at once after a rejection", async ({ equal }) => {
    const down = service(broken(), broken(), broken(), broken());
    const failed = await post("https://chat.example/hook", "x", down).catch(String);
    equal(failed, "Error: gave up after 4 attempts: status 503: oh no");
    const rejecting = service(new Response("invalid_token", { status: 403 }));
    const rejected = await post("https://chat.example/hook", "x", rejecting).catch(String);
    equal(rejected, "Error: status 403: invalid_token");
  });

  test("needs a text", async ({ equal }) => {
    equal(await Promise.resolve(handler({})).catch(String), "TypeError: text must not be empty");
  });
}
