/** Makes a client at the top of the module, and reads the metadata of a file, which a function without a network answers. */
import { drive } from "npm:@googleapis/drive@22.0.0";

const client = drive({ version: "v3" });
const fetchImplementation = async () => Response.json({ name: "report" });

export default async () => {
  const { data } = await client.files.get({ fileId: "1" }, { fetchImplementation });
  return { name: data.name };
};
