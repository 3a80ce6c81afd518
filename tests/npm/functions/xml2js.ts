/** Reads XML by callback and by promise, and writes it. */
import { Builder, parseString, parseStringPromise } from "npm:xml2js@0.6.2";

export default async function main() {
  const text = `<users><user id="1">Ada</user><user id="2">Bob</user></users>`;
  const { users } = await parseStringPromise(text);
  const called = await new Promise((resolve, reject) =>
    parseString("<a>1</a>", (error, value) => error ? reject(error) : resolve(value))
  );
  const written = new Builder({ headless: true }).buildObject({
    user: { $: { id: 3 }, _: "Cy & co" },
  });
  const failed = await parseStringPromise("<a>").catch((error) => error.message.split("\n")[0]);
  return { names: users.user.map((user) => `${user.$.id} ${user._}`), called, written, failed };
}
