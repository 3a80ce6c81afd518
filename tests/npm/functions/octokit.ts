/** Lists issues page by page, and makes one. */
import { Octokit } from "npm:@octokit/rest@22.0.1";

export default async function main({ https }: { https: string }) {
  const octokit = new Octokit({ auth: "a-token", baseUrl: `${https}/github` });
  const issues = await octokit.paginate(octokit.rest.issues.listForRepo, {
    owner: "ada",
    repo: "engine",
    per_page: 2,
  });
  const { data, status } = await octokit.rest.issues.create({
    owner: "ada",
    repo: "engine",
    title: "It stopped",
  });
  return { titles: issues.map(({ title }) => title), made: data.title, status };
}
