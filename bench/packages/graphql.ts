/** Describes a schema at the top of the module, and runs a query. */
import { graphql, GraphQLObjectType, GraphQLSchema, GraphQLString } from "npm:graphql@17.1.0";

const schema = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: "Query",
    fields: { hello: { type: GraphQLString, resolve: () => "world" } },
  }),
});

export default async () => {
  const { data } = await graphql({ schema, source: "{ hello }" });
  return { ...data };
};
