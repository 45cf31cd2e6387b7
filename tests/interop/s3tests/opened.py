"""A plugin of pytest's: takes the public access block off every bucket that the suite makes.

The suite is of the time before April 2023, when S3 began to put it on: most of its tests of bucket policies let everybody in.
"""

import botocore.client

make_api_call = botocore.client.BaseClient._make_api_call


def opening(self, operation, members):
    answer = make_api_call(self, operation, members)
    if operation == "CreateBucket":
        make_api_call(self, "DeletePublicAccessBlock", {"Bucket": members["Bucket"]})
    return answer


botocore.client.BaseClient._make_api_call = opening
