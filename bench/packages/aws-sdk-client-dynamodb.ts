/** Makes a client at the top of the module, and sends it a command that a handler without a network answers. */
import { DynamoDBClient, GetItemCommand } from "npm:@aws-sdk/client-dynamodb@3.1162.0";

const body = new TextEncoder().encode('{"Item":{"name":{"S":"Ada"}}}');
const client = new DynamoDBClient({
  region: "eu-central-1",
  credentials: { accessKeyId: "AKIA", secretAccessKey: "secret" },
  requestHandler: { handle: async () => ({ response: { statusCode: 200, headers: {}, body } }) },
});

export default async () => {
  const { Item } = await client.send(
    new GetItemCommand({ TableName: "t", Key: { id: { S: "1" } } }),
  );
  return { name: Item?.name?.S };
};
