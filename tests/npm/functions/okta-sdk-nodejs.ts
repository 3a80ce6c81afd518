/** Reads a user of an organization, and lists users page by page. */
import okta from "npm:@okta/okta-sdk-nodejs@8.1.0";

export default async function main({ https }: { https: string }) {
  const client = new okta.Client({ orgUrl: `${https}/okta`, token: "a-token" });
  const user = await client.userApi.getUser({ userId: "ada" });
  const logins: string[] = [];
  await (await client.userApi.listUsers()).each(({ profile }) => logins.push(profile.login));
  return { status: user.status, logins };
}
