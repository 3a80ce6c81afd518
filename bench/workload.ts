/** Functions that every contender runs, written in what TypeScript and JavaScript have in common. */

export interface Workload {
  /** The text of a module whose default export takes the input and returns the output. */
  readonly source: string;
  /** JSON text of the input. */
  readonly input: string;
  /** JSON text of what the function must answer. */
  readonly output: string;
}

/** The smallest function that uses its input. */
export const HELLO: Workload = {
  source: "export default (input) => ({ message: `Hello, ${input.name}!` });\n",
  input: '{"name":"world"}',
  output: '{"message":"Hello, world!"}',
};

/** The same as an answer to a request. */
export const FETCH: Workload = {
  ...HELLO,
  source: `export default {
  fetch: async (request) => {
    const { name } = await request.json();
    return Response.json({ message: \`Hello, \${name}!\` });
  },
};
`,
};

/** The same with a library that takes long to evaluate. */
export const ZOD: Workload = {
  ...HELLO,
  source: `import { z } from "npm:zod@4.6.7";
const Input = z.object({ name: z.string() });
export default (input) => ({ message: \`Hello, \${Input.parse(input).name}!\` });
`,
};

/** Answers how long the text in the input was, which is so many bytes of ASCII. */
export function inputOf(bytes: number): Workload {
  return {
    source: "export default (input) => ({ length: input.text.length });\n",
    input: JSON.stringify({ text: "x".repeat(bytes) }),
    output: JSON.stringify({ length: bytes }),
  };
}

/**
 * A function whose code is about so many bytes: many small functions and their table, all of it reachable, as the
 * code of libraries is. `seed` makes its text differ from that of others of the same size.
 */
export function bundleOf(bytes: number, seed = ""): Workload {
  const rules: string[] = [];
  const names: string[] = [];
  let size = 0;
  while (size < bytes - 200) {
    const name = `rule${rules.length}`;
    const rule = `function ${name}(input) {
  const text = String(input.name ?? "nobody, ${name} ${seed}");
  if (text.length > ${rules.length + 1000}) throw new RangeError("${name}: too long: " + text);
  return { rule: ${rules.length}, text: text.toLowerCase().split("-").map((part) => part.trim()) };
}
`;
    rules.push(rule);
    names.push(name);
    size += rule.length + name.length + 2;
  }
  const source = `${rules.join("")}
const rules = [${names.join(", ")}];
export default (input) => ({ message: "${seed}" + rules.length + rules.at(-1)(input).text[0] });
`;
  return {
    source,
    input: '{"name":"World"}',
    output: JSON.stringify({ message: `${seed}${rules.length}world` }),
  };
}

/** @throws where the answer is not what the function must answer */
export function checkAnswer(who: string, answer: string, { output }: Workload): void {
  if (answer === output) return;
  throw new Error(`${who} answered ${answer.slice(0, 200)} instead of ${output.slice(0, 200)}`);
}
