import type { Command } from "commander";
import type { Bytes } from "../client/transfer.ts";
import { addExamples } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { writeAll } from "./trees.ts";
import { findVolumePath, needVolumePath, PATH_HELP } from "./volume_path.ts";

/** `invoked volumes cat`: prints files of volumes. */
export function register(command: Command): void {
  command
    .argument("<volume:/path...>", PATH_HELP);
  const server = addServerOptions(command);
  addExamples(command, "invoked volumes cat data:/out/report.md");
  command.action(async (texts: string[]) => {
    texts.forEach(needVolumePath);
    using api = await server.connect();
    for (const text of texts) {
      const { volume, path } = await findVolumePath(api, text);
      await printContent(await api.volumes.read(volume, path));
    }
  });
}

/** Writes a content to stdout; ends early if the reader closes it. */
export async function printContent(content: Bytes): Promise<void> {
  try {
    await writeAll(Deno.stdout, content);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
