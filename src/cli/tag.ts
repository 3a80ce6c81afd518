import type { Command } from "commander";
import { findCommit } from "./client/find.ts";
import { UsageFailure } from "./terminal/failure.ts";
import { printList, printResult, showTime } from "./terminal/output.ts";
import type { JsonFlag } from "./options/common_options.ts";
import { addFunctionAction, COMMIT_HELP, FUNCTION } from "./options/function_argument.ts";

interface Options extends JsonFlag {
  readonly delete?: true;
}

/** `invoked tag`: lists, creates and deletes tags. */
export function register(command: Command): void {
  command
    .argument(...FUNCTION)
    .argument("[tag]", "Name of the tag")
    .argument("[commit]", COMMIT_HELP)
    .option("--delete", "Delete the tag, not the commit");
  addFunctionAction(
    command,
    ["invoked tag hello", "invoked tag hello v1", "invoked tag hello v1 --delete"],
    async (api, fn, name: string | undefined, commit: string | undefined, options: Options) => {
      if (name === undefined && options.delete) {
        throw new UsageFailure("Missing argument: --delete needs the name of a tag", {
          next: "write invoked tag FUNCTION TAG --delete",
        });
      }
      if (name === undefined) {
        return await listTags(await api.tags(fn), options);
      }
      if (options.delete) {
        await api.deleteTag(fn, name);
        return printResult(options.json, { name, deleted: true }, `Deleted tag ${name}`);
      }
      const { id } = (await api.commit(fn, await findCommit(api, fn, commit ?? "HEAD"))).commit;
      await api.createTag(fn, name, id);
      printResult(options.json, { name, commitId: id }, `Tagged ${id} as ${name}`);
    },
  );
}

async function listTags(
  tags: ReadonlyMap<string, { id: string; createdAt: string | undefined; message: string }>,
  { json }: Options,
): Promise<void> {
  const rows = [...tags].map(([name, { id, createdAt, message }]) => ({
    name,
    commitId: id,
    createdAt,
    message,
  }));
  await printList(json, rows, "No tags", {
    TAG: ({ name }) => name,
    COMMIT: ({ commitId }) => commitId,
    CREATED: ({ createdAt }) => showTime(createdAt),
    MESSAGE: ({ message }) => message,
  });
}
