import { functions, type JSONObject } from "@c1/functions-sdk";
import { requestFor } from "./request.ts";

/** Reads a repository of GitHub with the secret `GITHUB_TOKEN`. Input: `{ repository: "owner/name" }`. */
export default async function main(input: { repository?: string }): Promise<JSONObject> {
  const request = requestFor(input.repository ?? "", functions.getConfig().secrets.GITHUB_TOKEN);
  const response = await fetch(request);
  if (!response.ok) throw new Error(`GitHub answered ${response.status}`);
  const { full_name, stargazers_count, open_issues_count } = await response.json();
  return { repository: full_name, stars: stargazers_count, issues: open_issues_count };
}
