"""What holds for every test: none asks the metadata service of the machine that it runs on, nor does what it starts."""

import os

os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
