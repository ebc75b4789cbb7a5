"""What single libraries need beyond the ways that all OpenMMLab libraries share; a module for each."""
