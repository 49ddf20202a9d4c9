"""IAM in front of the local store: policies, sessions and the conditions of DynamoDB requests.

ministack never computes `dynamodb:LeadingKeys`, so a policy that rests on it would let everything
through (or nothing). This package evaluates the roles that the templates declare, denies by
default, and refuses what it does not understand.
"""
