"""What runs on the cluster, as plain classes that know no Ray."""
