"""Speed and memory of rdplane beside a plain reference measured in the same run. No part of the package."""
