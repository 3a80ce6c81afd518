import type { JSONObject } from "@c1/functions-sdk";

interface Push {
  ref?: string;
  repository?: { full_name?: string };
  commits?: { message: string }[];
}

/** Gets a delivery whose signature the server has checked. Deliveries without commits are ignored. */
export default function main(input: { payload?: Push; event?: { id: string } }): JSONObject {
  const { repository, ref, commits = [] } = input.payload ?? {};
  const titles = commits.map(({ message }) => message.split("\n")[0] ?? "");
  console.log("delivery", input.event?.id ?? "without an id");
  return { repository: repository?.full_name ?? null, branch: branchOf(ref), titles };
}

function branchOf(ref: string | undefined): string | null {
  return ref?.replace(/^refs\/heads\//, "") ?? null;
}
