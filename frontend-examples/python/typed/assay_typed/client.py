from collections.abc import AsyncIterator
from typing import Any

from .async_base_client import AsyncBaseClient
from .input_types import SubmitAnalysisInput
from .list_analyzers import ListAnalyzers
from .result import Result
from .submit import Submit
from .watch import Watch


def gql(q: str) -> str:
    return q


class Client(AsyncBaseClient):
    async def list_analyzers(self, **kwargs: Any) -> ListAnalyzers:
        query = gql("""
            query ListAnalyzers {
              analyzers {
                name
                description
              }
            }
            """)
        variables: dict[str, object] = {}
        response = await self.execute(
            query=query, operation_name="ListAnalyzers", variables=variables, **kwargs
        )
        data = self.get_data(response)
        return ListAnalyzers.model_validate(data)

    async def submit(self, input: SubmitAnalysisInput, **kwargs: Any) -> Submit:
        query = gql("""
            mutation Submit($input: SubmitAnalysisInput!) {
              submitAnalysis(input: $input) {
                analysis {
                  id
                  status
                  createdAt
                }
                userErrors {
                  code
                  message
                  path
                }
              }
            }
            """)
        variables: dict[str, object] = {"input": input}
        response = await self.execute(
            query=query, operation_name="Submit", variables=variables, **kwargs
        )
        data = self.get_data(response)
        return Submit.model_validate(data)

    async def result(self, id: str, **kwargs: Any) -> Result:
        query = gql("""
            query Result($id: ID!) {
              analysis(id: $id) {
                result {
                  __typename
                  summary
                  ... on TextResult {
                    sentiment {
                      label
                      score
                    }
                    keywords {
                      text
                      score
                    }
                  }
                }
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        response = await self.execute(
            query=query, operation_name="Result", variables=variables, **kwargs
        )
        data = self.get_data(response)
        return Result.model_validate(data)

    async def watch(self, id: str, **kwargs: Any) -> AsyncIterator[Watch]:
        query = gql("""
            subscription Watch($id: ID!) {
              analysis(id: $id) {
                status
                progress {
                  fraction
                  step
                }
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        async for data in self.execute_ws(
            query=query, operation_name="Watch", variables=variables, **kwargs
        ):
            yield Watch.model_validate(data)
