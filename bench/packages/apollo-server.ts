/** Makes a server at the top of the module, and runs a query. */
import { ApolloServer } from "npm:@apollo/server@5.5.1";

const server = new ApolloServer({
  typeDefs: "type Query { hello: String }",
  resolvers: { Query: { hello: () => "world" } },
});

export default async () => {
  const { body } = await server.executeOperation({ query: "{ hello }" });
  return { ...body.singleResult.data };
};
