/** The request for a repository. Throws for a name that would lead to another path of the API. */
export function requestFor(repository: string, token: string | undefined): Request {
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) {
    throw new TypeError(`repository must be owner/name, not ${JSON.stringify(repository)}`);
  }
  if (token === undefined) throw new Error("Set the secret GITHUB_TOKEN in the settings");
  return new Request(`https://api.github.com/repos/${repository}`, {
    headers: { authorization: `Bearer ${token}`, "user-agent": "invoked" },
  });
}
