/** Makes a client at the top of the module, and writes a document as BSON. */
import { BSON, MongoClient } from "npm:mongodb@7.8.0";

const client = new MongoClient("mongodb://localhost:27017");

export default () => {
  const { collectionName } = client.db("app").collection("people");
  return { collectionName, ...BSON.deserialize(BSON.serialize({ name: "Ada" })) };
};
