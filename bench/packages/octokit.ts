/** Makes a client at the top of the module, and asks for a user, whom a function without a network answers. */
import { Octokit } from "npm:octokit@5.0.5";

const octokit = new Octokit({
  auth: "token",
  request: { fetch: async () => Response.json({ login: "ada" }) },
});

export default async () => {
  const { data } = await octokit.rest.users.getAuthenticated();
  return { login: data.login };
};
