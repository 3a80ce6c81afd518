/** Lists users of a directory with an access token. */
import { admin, auth as authorization } from "npm:@googleapis/admin@37.0.0";

export default async function main({ https }: { https: string }) {
  const auth = new authorization.OAuth2();
  auth.setCredentials({ access_token: "a-token" });
  const directory = admin({ version: "directory_v1", auth, rootUrl: `${https}/` });
  const { data } = await directory.users.list({ customer: "my_customer", maxResults: 2 });
  return { users: data.users?.map(({ primaryEmail }) => primaryEmail) };
}
